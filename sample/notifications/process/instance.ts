/** The name of this process in the logs and on the page: that of INSTANCE, or the name of its service. */
export function instanceOf(service: string): string {
  return process.env.INSTANCE ?? service;
}
