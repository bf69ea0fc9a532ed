import { DiagnosticSeverity, Parser } from '@asyncapi/parser';
import type { AsyncApiDocument } from 'nestjs-redis-pubsub/asyncapi';

const ERROR: number = DiagnosticSeverity.Error;

const isError = ({ severity }: { readonly severity: number }): boolean => severity === ERROR;

/** What the parser of AsyncAPI finds wrong with a document, and the document as it reads it. */
export async function parseAsyncApi(document: AsyncApiDocument) {
  const { diagnostics, document: parsed } = await new Parser().parse(JSON.stringify(document));
  const problems = diagnostics
    .filter(isError)
    .map(({ message, path }) => `${path.join('.')}: ${message}`);
  return { parsed, problems };
}
