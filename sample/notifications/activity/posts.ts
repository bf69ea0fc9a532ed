export interface Post {
  readonly id: string;
  readonly authorId: string;
  readonly text: string;
}

/** Newest first. A real service has a database here. */
export const POSTS: readonly Post[] = [
  { id: 'p4', authorId: 'dave', text: 'Office plants are watered. You are welcome.' },
  { id: 'p3', authorId: 'carol', text: 'Does anyone still have the recipe for that lemon cake?' },
  { id: 'p2', authorId: 'bob', text: 'Shipped it. Nothing is on fire so far.' },
  { id: 'p1', authorId: 'alice', text: 'Eight kilometres before breakfast, in the rain.' },
];
