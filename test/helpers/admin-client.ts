import { request as httpRequest } from 'node:http';

export interface AdminAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly json: any;
}

export interface Receipt {
  readonly id: string;
  readonly service: string;
  readonly from: Readonly<Record<string, number>>;
  readonly to: Readonly<Record<string, number>>;
  readonly generation: { readonly before: number; readonly after: number };
  readonly barrierMs: number;
  readonly workers: { readonly total: number; readonly applied: number; readonly fenced: number };
  readonly drain: {
    readonly state: 'draining' | 'drained' | 'cut';
    readonly inFlightAtFlip: number;
    readonly completed: number;
    readonly cut: number;
    readonly remaining: number;
    readonly longLived: number;
  };
}

/** The admin API as an operator's script uses it. */
export class AdminClient {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  call(
    method: string,
    path: string,
    body?: unknown,
    fields: Readonly<Record<string, string>> = {},
  ): Promise<AdminAnswer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers = payload === undefined ? fields : { 'content-type': 'application/json', ...fields };
    return new Promise((resolve, reject) => {
      const request = httpRequest(`${this.url}${path}`, { method, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(toAnswer(response.statusCode ?? 0, response.headers, text)));
        response.on('error', reject);
      });
      request.on('error', reject);
      request.end(payload);
    });
  }

  /** Throws unless it is a 2xx. */
  async must(
    method: string,
    path: string,
    body?: unknown,
    fields: Readonly<Record<string, string>> = {},
  ): Promise<AdminAnswer> {
    const answer = await this.call(method, path, body, fields);
    if (answer.status < 200 || answer.status > 299) {
      throw new Error(`${method} ${path} was answered ${answer.status}: ${answer.text}`);
    }
    return answer;
  }

  async cutover(
    service: string,
    to: string,
    more: { readonly drainTimeout?: string; readonly force?: boolean } = {},
  ): Promise<Receipt> {
    return (await this.must('POST', `/v1/services/${service}/cutovers`, { to, ...more })).json as Receipt;
  }

  async split(service: string, weights: Readonly<Record<string, number>>): Promise<Receipt> {
    return (await this.must('PUT', `/v1/services/${service}/split`, { weights })).json as Receipt;
  }

  async rollback(service: string): Promise<Receipt> {
    return (await this.must('POST', `/v1/services/${service}/rollback`, {})).json as Receipt;
  }

  /** The receipt with its drain of now, or of when it is over, if that is within `waitSeconds`. */
  async receipt(service: string, id: string, waitSeconds = 0): Promise<Receipt> {
    const fields = waitSeconds === 0 ? {} : { prefer: `wait=${waitSeconds}` };
    return (await this.must('GET', `/v1/services/${service}/cutovers/${id}`, undefined, fields)).json as Receipt;
  }

  /** Every sample of /metrics whose name and labels hold, as `[series, value]`. */
  async metrics(name: string, labels: Readonly<Record<string, string>> = {}): Promise<[string, number][]> {
    const { text } = await this.must('GET', '/metrics');
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => wanted.every((label) => line.includes(label)))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]);
  }

  /** The sum of them. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return (await this.metrics(name, labels)).reduce((sum, [, value]) => sum + value, 0);
  }
}

function toAnswer(status: number, headers: AdminAnswer['headers'], text: string): AdminAnswer {
  const type = headers['content-type'];
  const isJson = typeof type === 'string' && type.includes('json');
  return { status, headers, text, json: isJson ? JSON.parse(text) : null };
}
