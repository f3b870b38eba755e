/**
 * Calls over a message stream, in both directions: each side may ask, and answers what it is asked. Messages arrive in
 * the order they were sent in, and a call is begun before the next message is looked at: what was asked first has
 * happened first.
 */
import type { Socket } from 'node:net';
import { MessageStream } from './message-stream.ts';

export type Handler = (method: string, params: unknown) => unknown;

type Message =
  | { readonly call: number; readonly method: string; readonly params: unknown }
  | { readonly answer: number; readonly result?: unknown; readonly error?: string };

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Calls {
  readonly #stream: MessageStream;
  readonly #handler: Handler;
  readonly #pending = new Map<number, Pending>();
  #count = 0;
  #isClosed = false;

  constructor(socket: Socket, handler: Handler) {
    this.#handler = handler;
    this.#stream = new MessageStream(socket, (message) => this.#take(message as Message));
    socket.on('close', () => this.#close());
  }

  /** Rejects when the other side throws, or is gone. */
  call<Result>(method: string, params: unknown): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (this.#isClosed) {
        reject(new Error(`${method}: the other process is gone`));
        return;
      }
      const call = ++this.#count;
      this.#pending.set(call, { resolve: resolve as (result: unknown) => void, reject });
      this.#stream.send({ call, method, params } satisfies Message);
    });
  }

  #take(message: Message): void {
    if ('call' in message) {
      void this.#answer(message.call, message.method, message.params);
      return;
    }
    const pending = this.#pending.get(message.answer);
    this.#pending.delete(message.answer);
    if (message.error === undefined) pending?.resolve(message.result);
    else pending?.reject(new Error(message.error));
  }

  async #answer(call: number, method: string, params: unknown): Promise<void> {
    try {
      const result = await this.#handler(method, params);
      this.#stream.send({ answer: call, result } satisfies Message);
    } catch (error) {
      this.#stream.send({
        answer: call,
        error: error instanceof Error ? error.message : String(error),
      } satisfies Message);
    }
  }

  #close(): void {
    this.#isClosed = true;
    for (const pending of this.#pending.values()) pending.reject(new Error('the other process is gone'));
    this.#pending.clear();
  }
}
