import { describe, expect, it } from 'vitest';
import { answerFields, fieldObject, fieldsOfLines } from '../../../../src/proxy/http2/answer-fields.ts';

describe('the fields of an answer', () => {
  it('begin with the status, have names in small letters, and nothing of connections', () => {
    const head =
      'HTTP/1.1 404 Not Found\r\nX-One: 1\r\nSet-Cookie: a: b\r\nset-cookie:c\r\nX-Empty: \r\nConnection: close\r\n' +
      'Transfer-Encoding: chunked\r\nKeep-Alive: timeout=5\r\nUpgrade: x\r\n\r\n';
    expect(answerFields(head)).toEqual([
      ':status',
      '404',
      'x-one',
      '1',
      'set-cookie',
      'a: b',
      'set-cookie',
      'c',
      'x-empty',
      '',
    ]);
  });

  it('have no length with a status that has no body', () => {
    expect(answerFields('HTTP/1.1 205 Reset Content\r\nContent-Length: 3\r\nX-A: b\r\n\r\n')).toEqual([
      ':status',
      '205',
      'x-a',
      'b',
    ]);
  });

  it('are those of lines alone', () => {
    expect(fieldsOfLines('X-Sum: 1\r\nX-B: 2\r\n')).toEqual(['x-sum', '1', 'x-b', '2']);
    expect(fieldsOfLines('')).toEqual([]);
  });

  it('are an object with lists, whatever they are called', () => {
    const object = fieldObject(['a', '1', 'b', '2', 'a', '3', '__proto__', '4', '__proto__', '5', 'a', '6']);
    expect(Object.entries(object)).toEqual([
      ['a', ['1', '3', '6']],
      ['b', '2'],
      ['__proto__', ['4', '5']],
    ]);
  });
});
