/**
 * Bytes for someone who may keep them. A payload is a view of the chunk that Node read from the socket: as long
 * as a view of seven bytes exists, so does its chunk of 64 KiB. Returns a copy unless the view is most of its buffer.
 */
export function ownBytes(view: Buffer): Buffer {
  if (view.length * 2 >= view.buffer.byteLength) return view;
  // Not `Buffer.from`, whose bytes are a view of a pool.
  const own = Buffer.allocUnsafeSlow(view.length);
  view.copy(own);
  return own;
}
