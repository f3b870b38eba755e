import { HttpClient, type ClientManner, type ClientRequest } from './http-client.ts';

/** What the application was asked, as it saw it. */
export interface Echo {
  readonly version: string;
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly trailers: Readonly<Record<string, string>>;
  /** Every value of a field, in order; `name` in lower case. */
  values(name: string): string[];
  /** Its one value; `null` where there is none; all of them where there are several. */
  value(name: string): string | null;
}

/** Asks the application at `/echo` what reached it. */
export async function echo(port: number, request: ClientRequest = {}, manner: ClientManner = {}): Promise<Echo> {
  const client = await HttpClient.connect(port, manner);
  try {
    const response = await client.request({ path: '/echo', ...request });
    if (response.status !== 200) throw new Error(`answered ${response.status}: ${response.body.toString()}`);
    const seen = JSON.parse(response.body.toString()) as Omit<Echo, 'values' | 'value'>;
    const values = (name: string) =>
      seen.fields.filter(([own]) => own.toLowerCase() === name).map(([, value]) => value);
    return { ...seen, values, value: (name) => (values(name).length === 0 ? null : values(name).join(' | ')) };
  } finally {
    client.close();
  }
}
