/** Bytes of connections that pass as they are, between the clients and the targets of one pool. */
export class PassedBytes {
  fromClients = 0;
  toClients = 0;

  /** By where they came from; nothing where none have passed. */
  report(): Record<string, number> {
    const { fromClients, toClients } = this;
    return fromClients + toClients === 0 ? {} : { client: fromClients, target: toClients };
  }
}
