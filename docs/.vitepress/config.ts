import { existsSync, readFileSync } from 'node:fs';
import { slug } from 'github-slugger';
import { defineConfig, type DefaultTheme } from 'vitepress';
import llms from 'vitepress-plugin-llms';

const REPOSITORY = 'https://github.com/nestjs-redis-pubsub/nestjs-redis-pubsub';

/** The folder of the site on its host. */
const BASE = process.env.DOCS_BASE ?? '/';

const page = (text: string, link: string): DefaultTheme.SidebarItem => ({ text, link });

const GUIDE = [
  page('Getting started', '/guide/getting-started'),
  page('Patterns and channels', '/guide/patterns-and-channels'),
  page('Handlers', '/guide/handlers'),
  page('Slow handlers', '/guide/slow-handlers'),
  page('One of N', '/guide/one-of-n'),
  page('Publishing', '/guide/publishing'),
  page('Requests', '/guide/requests'),
  page('Observing', '/guide/observing'),
  page('Contracts', '/guide/contracts'),
  page('Codecs', '/guide/codecs'),
  page('WebSockets', '/guide/websockets'),
  page('AsyncAPI', '/guide/asyncapi'),
  page('Local cache', '/guide/cache'),
  page('GraphQL subscriptions', '/guide/graphql'),
  page('History and recovery', '/guide/history-and-recovery'),
  page('Resumable streams', '/guide/resumable-streams'),
  page('Keyspace notifications', '/guide/keyspace-notifications'),
  page('Module set-ups', '/guide/module-set-ups'),
  page('Testing your application', '/guide/testing'),
  page('Testing with Redis', '/guide/testing-with-redis'),
  page('Faults on a real Redis', '/guide/testing-faults'),
  page('Migrating from Transport.REDIS', '/guide/migrating'),
];

const OPERATIONS = [
  page('Guarantees', '/operations/guarantees'),
  page('Lost messages', '/operations/lost-messages'),
  page('Connections', '/operations/connections'),
  page('Cluster and sharding', '/operations/cluster-and-sharding'),
  page('Health', '/operations/health'),
  page('Inspector page', '/operations/inspector'),
  page('Introspection', '/operations/introspection'),
  page('Telemetry', '/operations/telemetry'),
  page('Metrics', '/operations/metrics'),
  page('Tracing', '/operations/tracing'),
  page('Monitoring a service', '/operations/monitoring-sample'),
  page('Security', '/operations/security'),
  page('Command line', '/operations/command-line'),
  page('Performance', '/operations/performance'),
  page('Scaling', '/operations/scaling'),
  page('Troubleshooting', '/operations/troubleshooting'),
];

const RECIPES = [
  page('All recipes', '/recipes/'),
  page('Notifications by SSE', '/recipes/sse-notifications'),
  page('Broadcast to thousands of streams', '/recipes/broadcast-to-many-streams'),
  page('Chat on two instances', '/recipes/chat'),
  page('Cache invalidation', '/recipes/cache-invalidation'),
  page('Several responders', '/recipes/several-responders'),
  page('Event form and colon channels', '/recipes/event-form'),
  page('Two Redis servers', '/recipes/two-redis-servers'),
  page('Prefixes', '/recipes/prefixes'),
];

const REFERENCE = [
  page('Options', '/reference/options'),
  page('Errors', '/reference/errors'),
  page('Log lines', '/reference/log-lines'),
  page('Wire format and other languages', '/reference/other-languages'),
  page('API', '/api/'),
  page('Glossary', '/reference/glossary'),
  page('Architecture', '/architecture/'),
  page('Decisions', '/architecture/decisions'),
];

/** The pages that TypeDoc has generated; without them there is no reference to list. */
function apiPages(): DefaultTheme.SidebarItem[] {
  const file = new URL('../api/typedoc-sidebar.json', import.meta.url);
  return existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as DefaultTheme.SidebarItem[])
    : [];
}

const SIDEBAR = [
  { text: 'Guide', items: GUIDE },
  { text: 'Recipes', collapsed: true, items: RECIPES },
  { text: 'Operations', items: OPERATIONS },
  { text: 'Reference', items: REFERENCE },
];

export default defineConfig({
  title: 'nestjs-redis-pubsub',
  description:
    'The Redis Pub/Sub transport for NestJS: pattern handlers, requests, and subscriptions that survive every outage.',
  lang: 'en',
  base: BASE,
  cleanUrls: true,
  lastUpdated: false,
  markdown: {
    // The anchors of GitHub, so that a link works in both places.
    anchor: { slugify: (text) => slug(text) },
    theme: { light: 'github-light', dark: 'github-dark' },
  },
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: `${BASE}icon.svg` }]],
  vite: { plugins: [llms({ ignoreFiles: ['api/**', 'recipes/index.md'], sidebar: SIDEBAR })] },
  themeConfig: {
    search: {
      provider: 'local',
      options: {
        // The guide answers a question; the reference repeats the names of its answers.
        _render: (source, env, md) =>
          env.relativePath.startsWith('api/') ? '' : md.render(source, env),
      },
    },
    outline: [2, 3],
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
    nav: [
      { text: 'Guide', link: '/guide/getting-started', activeMatch: '^/guide/' },
      { text: 'Recipes', link: '/recipes/', activeMatch: '^/recipes/' },
      { text: 'Operations', link: '/operations/guarantees', activeMatch: '^/operations/' },
      {
        text: 'Reference',
        link: '/reference/options',
        activeMatch: '^/(reference|api|architecture)/',
      },
    ],
    sidebar: {
      '/api/': [{ text: 'Guide', link: '/guide/getting-started' }, ...apiPages()],
      '/': SIDEBAR,
    },
    footer: { message: 'MIT licence' },
  },
});
