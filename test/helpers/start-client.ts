import { onTestFinished } from 'vitest';
import { HttpClient, type ClientManner, type ClientRequest, type ClientResponse } from './http-client.ts';

/** A client on a connection of its own, for the running test. */
export async function startClient(port: number, manner: ClientManner = {}): Promise<HttpClient> {
  const client = await HttpClient.connect(port, manner);
  onTestFinished(() => client.close());
  return client;
}

/** One request on a connection of its own. */
export async function ask(
  port: number,
  request: ClientRequest = {},
  manner: ClientManner = {},
): Promise<ClientResponse> {
  const client = await HttpClient.connect(port, manner);
  try {
    return await client.request(request);
  } finally {
    client.close();
  }
}
