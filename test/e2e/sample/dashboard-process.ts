import { BuiltProcess } from './sample-process.js';
import { closeAfterTest } from '../../support/app.js';
import { EventStream } from './event-stream.js';

/** The dashboard as `npm run sample dashboard` starts it, on a free port. */
class DashboardProcess extends BuiltProcess {
  constructor(env: NodeJS.ProcessEnv) {
    super('../run.js', env, false, ['dashboard']);
  }

  /** Resolves when the dashboard has printed that it is ready. */
  async ready(): Promise<this> {
    await Promise.race([this.failed(), this.printed('Ctrl-C')]);
    return this;
  }

  get url(): string {
    return /http:\/\/localhost:\d+/.exec(this.output)?.[0] ?? '';
  }

  /** The stream of a page; closed after the test. */
  stream(): EventStream {
    const stream = new EventStream(`${this.url}/stream`, {});
    closeAfterTest(() => stream.close());
    return stream;
  }
}

/** A dashboard that is ready; stopped after the test. */
export async function startDashboard(env: NodeJS.ProcessEnv): Promise<DashboardProcess> {
  const dashboard = new DashboardProcess(env);
  closeAfterTest(() => dashboard.stop());
  return dashboard.ready();
}
