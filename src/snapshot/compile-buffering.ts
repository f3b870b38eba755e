import { parseSize } from '../base/size.ts';
import type { ServiceConfig } from '../schema/service.ts';
import type { BufferingSpec, BufferSpec } from './buffer-spec.ts';

export function compileBuffering({ buffering }: ServiceConfig): BufferingSpec | null {
  if (buffering?.request === undefined && buffering?.response === undefined) return null;
  return { request: compileBuffer(buffering.request), response: compileBuffer(buffering.response) };
}

function compileBuffer(buffer: { readonly memory: string; readonly disk: string } | undefined): BufferSpec | null {
  return buffer === undefined
    ? null
    : { memoryBytesMax: parseSize(buffer.memory), diskBytesMax: parseSize(buffer.disk) };
}
