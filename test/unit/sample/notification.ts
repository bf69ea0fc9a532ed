/** An unread notification, as the gateway sends it. */
export function notification(id: string) {
  return {
    id,
    userId: 'alice',
    type: 'info' as const,
    title: `Title of ${id}`,
    message: `Message of ${id}`,
    timestamp: '2026-01-01T12:00:00.000Z',
    read: false,
  };
}
