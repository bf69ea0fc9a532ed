/** Upper bound of the open files other than streams: modules, logs, connections to Redis. */
const OTHER_OPEN_FILES = 100;

interface ProcessReport {
  /** Missing on Windows. */
  readonly userLimits?: { readonly open_files?: { readonly soft: number | 'unlimited' } };
}

/** Throws if the limit of open files is below one socket per stream; the gateway inherits the limit. */
export function checkOpenFiles(streams: number): void {
  const limit = openFilesLimit();
  const needed = streams + OTHER_OPEN_FILES;
  if (limit >= needed) return;
  throw new Error(
    `${streams} streams need ${needed} open files, and a process may have ${limit}. ` +
      `Run "ulimit -n ${needed}" in this shell first, or open fewer --streams.`,
  );
}

function openFilesLimit(): number {
  const { userLimits } = process.report.getReport() as ProcessReport;
  const limit = userLimits?.open_files?.soft;
  return typeof limit === 'number' ? limit : Infinity;
}
