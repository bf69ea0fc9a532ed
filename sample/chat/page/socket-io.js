/** Re-exports the client of Socket.IO from the path at which its server serves it. */
export { io } from '/socket.io/socket.io.esm.min.js';
