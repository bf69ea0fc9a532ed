/** Re-exports lit-html from the path at which a node serves it. */
export { html, nothing, render } from '/vendor/lit-html/lit-html.js';
export { live } from '/vendor/lit-html/directives/live.js';
export { repeat } from '/vendor/lit-html/directives/repeat.js';
