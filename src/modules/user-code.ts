/**
 * What user code sees, and what it must give: the interfaces of conditions, filters and algorithms.
 *
 * All of it is synchronous, because a request is routed in one synchronous stretch. A function that throws, returns a
 * promise or gives something of another kind costs its request a 500 (`user_code_failed`), and the next request works.
 */

/** A request as the client sent it. It can be read while the function runs, and not after. */
export interface RequestView {
  /** Such as "GET". */
  readonly method: string;
  /** Without the query, as it was sent: nothing is decoded. */
  readonly path: string;
  /** Without the "?"; "" for none. */
  readonly query: string;
  /** Lower case, without port. */
  readonly host: string;
  /** The client's address, as trusted proxies tell it. */
  readonly clientAddress: string;
  /** Value of a header field, its name in any case; several lines are joined by ", ". `null`: not there. */
  header(name: string): string | null;
  /** Value of a cookie, as it was sent. `null`: not there. */
  cookie(name: string): string | null;
  /** First value of a query parameter, decoded. `null`: not there. */
  parameter(name: string): string | null;
}

/** Whether a rule matches: `true` or `false`, nothing else. */
export type Condition = (request: RequestView) => boolean;

/**
 * A request on its way to a target. What is read is what the client sent; what is written goes to the target, and
 * throws a `TypeError` where it is not a valid part of a request.
 */
export interface FilterRequest extends RequestView {
  /** The pool that was chosen. */
  readonly pool: string;
  /** Path for the target; begins with "/", without query or fragment. */
  setPath(path: string): void;
  /** Query for the target, without "?"; "" for none. */
  setQuery(query: string): void;
  /** Value of `Host` for the target. */
  setHost(host: string): void;
  /** Replaces every field of this name, for the target. Fields of the connection, of framing and of the way here are the proxy's. */
  setHeader(name: string, value: string): void;
  /** Leaves every field of this name out. */
  removeHeader(name: string): void;
}

/** A response on its way to the client: read and changed in place. */
export interface FilterResponse {
  readonly status: number;
  /** Another final status for the client. One that has no body (204, 205, 304) can neither be given nor taken. */
  setStatus(status: number): void;
  /** As the target sent it, its name in any case; several lines are joined by ", ". `null`: not there. */
  header(name: string): string | null;
  /** Replaces every field of this name. */
  setHeader(name: string, value: string): void;
  /** Adds a line beside those there are, as `Set-Cookie` needs it. */
  appendHeader(name: string, value: string): void;
  /** Leaves every field of this name out. */
  removeHeader(name: string): void;
}

/** An answer that a filter gives itself: made by `respond`. */
export interface FilterAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Returns nothing, so that the request goes on, or the answer to it. */
export type RequestFilter = (request: FilterRequest) => FilterAnswer | undefined | void;
/** Sees final responses with their heads; not those that the proxy gives itself, and no upgrades. */
export type ResponseFilter = (response: FilterResponse, request: RequestView) => undefined | void;

/** A target that may be chosen. */
export interface AlgorithmTarget {
  /** "host:port" */
  readonly id: string;
  /** 1 or more. */
  readonly weight: number;
  readonly zone: string;
  /** Requests of this worker that are under way on it. */
  readonly inFlight: number;
}

/** Chooses a target inside a pool: one of `targets`, which are never none. */
export interface Algorithm {
  pick(targets: readonly AlgorithmTarget[], request: RequestView): AlgorithmTarget;
}

/** Makes the algorithm of one pool. Called in each worker whenever the targets that may be chosen are others. */
export type AlgorithmFactory = () => Algorithm;

/** Any function that a configuration may name; which kind it has to be is where it stands. */
export type UserFunction = (...args: never[]) => unknown;
