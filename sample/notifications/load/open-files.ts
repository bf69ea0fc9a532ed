/** What a process has open beside its streams: modules, logs, connections to Redis; generously. */
const OTHERS = 100;

interface Report {
  /** Windows has none. */
  readonly userLimits?: { readonly open_files?: { readonly soft: number | 'unlimited' } };
}

/** Throws if this process may not have a socket per stream; the gateway inherits the limit. */
export function checkOpenFiles(streams: number): void {
  const limit = openFilesLimit();
  const needed = streams + OTHERS;
  if (limit >= needed) return;
  throw new Error(
    `${streams} streams need ${needed} open files, and a process may have ${limit}. ` +
      `Run "ulimit -n ${needed}" in this shell first, or open fewer --streams.`,
  );
}

function openFilesLimit(): number {
  const { userLimits } = process.report.getReport() as Report;
  const limit = userLimits?.open_files?.soft;
  return typeof limit === 'number' ? limit : Infinity;
}
