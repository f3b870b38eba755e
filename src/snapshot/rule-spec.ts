/** Rules as plain data: conditions as a tree, and what becomes of the requests that match. */

export interface RuleSpec {
  readonly name: string;
  readonly when: ConditionSpec;
  /** What `{rest}` is counted from: the prefix that the rule's path must have; "" where it has none. */
  readonly pathPrefix: string;
  /** Where matching requests go; null: the split decides. */
  readonly pool: string | null;
  /** Instead of going anywhere; null: they are sent on. */
  readonly answer: AnswerSpec | null;
  readonly rewrite: RewriteSpec | null;
}

/** `at` is where it stands, as a JSON pointer below the rule's `when`. */
export type ConditionSpec = { readonly at: string } & (
  | { readonly kind: 'all' | 'any'; readonly of: readonly ConditionSpec[] }
  | { readonly kind: 'not'; readonly of: ConditionSpec }
  | { readonly kind: 'method'; readonly methods: readonly string[] }
  | { readonly kind: 'path'; readonly match: TextMatchSpec }
  | { readonly kind: 'header' | 'cookie' | 'query'; readonly name: string; readonly match: TextMatchSpec }
  | { readonly kind: 'client-ip'; readonly blocks: readonly string[]; readonly sets: readonly string[] }
  | { readonly kind: 'region'; readonly map: string; readonly labels: readonly string[] }
  | { readonly kind: 'device'; readonly device: 'mobile' | 'desktop' }
  | { readonly kind: 'user-group'; readonly source: GroupSource; readonly groups: readonly string[] }
  | { readonly kind: 'function'; readonly reference: string }
  | { readonly kind: 'time'; readonly window: TimeWindowSpec }
);

export type TextMatchSpec =
  | { readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains' | 'glob' | 'regex'; readonly text: string }
  /** As `prefix` and `glob`, by whole segments of a path. */
  | { readonly kind: 'path-prefix' | 'path-glob'; readonly text: string }
  | { readonly kind: 'in'; readonly texts: readonly string[] }
  | { readonly kind: 'present'; readonly present: boolean };

export type GroupSource =
  | { readonly kind: 'header' | 'cookie'; readonly name: string }
  /** `cookie`: where the token is; "": in Authorization. */
  | { readonly kind: 'jwt'; readonly key: string; readonly claim: string; readonly cookie: string };

export interface TimeWindowSpec {
  /** Milliseconds since 1970; null: no bound. `toMs` is not part of it. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** Minutes since midnight; null: the whole day. */
  readonly hours: { readonly from: number; readonly to: number } | null;
  /** 0 is Monday; empty: any day. */
  readonly days: readonly number[];
  /** IANA name. */
  readonly zone: string;
}

export interface AnswerSpec {
  readonly status: number;
  /** A template; null: no redirect. */
  readonly location: string | null;
  readonly body: string;
  /** "": no body. */
  readonly contentType: string;
  readonly fields: readonly FieldSpec[];
}

export interface RewriteSpec {
  /** A template; null: the path stays. */
  readonly path: string | null;
  readonly stripPrefix: string;
  readonly addPrefix: string;
  /** Without "?"; null: the query stays. */
  readonly query: string | null;
  /** null: Host stays. */
  readonly host: string | null;
  readonly set: readonly FieldSpec[];
  /** Lower case. */
  readonly remove: readonly string[];
}

export type FieldSpec = readonly [name: string, value: string];
