/** A service's own error pages, made ready to be filled in. */
import { fillTemplate, type Template } from '../../base/template.ts';
import type { ErrorPageSpec, PageForm, PageVariable } from '../../snapshot/shape-spec.ts';
import { preferredType } from '../http1/accept.ts';
import type { Page, PageSource, PageSubject } from '../http1/own-answer.ts';

/** In this order, where a client likes several alike: a program reads text more easily than a page for people. */
const FORMS = ['text', 'json', 'html'] as const satisfies readonly PageForm[];

const MEDIA_TYPES: Readonly<Record<PageForm, string>> = {
  text: 'text/plain',
  json: 'application/json',
  html: 'text/html',
};

const CONTENT_TYPES: Readonly<Record<PageForm, string>> = {
  text: 'text/plain; charset=utf-8',
  json: 'application/json',
  html: 'text/html; charset=utf-8',
};

const ESCAPES: Readonly<Record<PageForm, (text: string) => string>> = {
  text: (text) => text,
  json: (text) => JSON.stringify(text).slice(1, -1),
  html: (text) => text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`),
};

interface ReadyPage {
  readonly forms: readonly PageForm[];
  readonly types: readonly string[];
  readonly templates: Readonly<Record<PageForm, Template>>;
}

export class ErrorPages implements PageSource {
  readonly #service: string;
  /** By "503" or "5xx". */
  readonly #pages: ReadonlyMap<string, ReadyPage>;
  readonly #intercepted: ReadonlySet<number>;

  constructor(service: string, pages: readonly ErrorPageSpec[], intercepted: readonly number[]) {
    this.#service = service;
    this.#pages = new Map(pages.map((page) => [page.status, readyPage(page)]));
    this.#intercepted = new Set(intercepted);
  }

  pageFor(subject: PageSubject, accept: string): Page | null {
    const { status } = subject;
    const page = this.#pages.get(String(status)) ?? this.#pages.get(`${Math.floor(status / 100)}xx`);
    const form = page?.forms[preferredType(accept, page.types)];
    if (page === undefined || form === undefined) {
      return null;
    }
    const escape = ESCAPES[form];
    const valueOf = (variable: string): string => inBytes(escape(this.#valueOf(variable as PageVariable, subject)));
    return { contentType: CONTENT_TYPES[form], body: fillTemplate(page.templates[form], valueOf) };
  }

  replaces(status: number): boolean {
    return this.#intercepted.has(status);
  }

  #valueOf(variable: PageVariable, { status, reason, detail, requestId }: PageSubject): string {
    switch (variable) {
      case 'status':
        return String(status);
      case 'reason':
        return reason;
      case 'detail':
        return detail;
      case 'requestId':
        return requestId;
      case 'service':
        return this.#service;
    }
  }
}

function readyPage(page: ErrorPageSpec): ReadyPage {
  const forms = FORMS.filter((form) => page[form] !== null);
  const bytesOf = (form: PageForm): Template =>
    (page[form] ?? []).map((part) => (typeof part === 'string' ? inBytes(part) : part));
  return {
    forms,
    types: forms.map((form) => MEDIA_TYPES[form]),
    templates: { text: bytesOf('text'), json: bytesOf('json'), html: bytesOf('html') },
  };
}

/** One character for each byte of UTF-8, as heads and bodies of own answers are written. */
function inBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
