import { expect, it } from 'vitest';
import { HeardPanics } from '../../../../src/control/workers/heard-panics.ts';
import type { PoolPanic } from '../../../../src/snapshot/data-plane.ts';

const BEGINS: PoolPanic = { service: 'shop', pool: 'blue', isPanic: true };
const ENDS: PoolPanic = { ...BEGINS, isPanic: false };

function start() {
  const told: PoolPanic[] = [];
  return { told, panics: new HeardPanics<string>((panic) => told.push(panic)) };
}

it('the first worker that begins is told of, and the last that ends', () => {
  const { told, panics } = start();
  panics.heard('0', BEGINS);
  panics.heard('1', BEGINS);
  panics.heard('0', ENDS);
  expect(told).toEqual([BEGINS]);
  panics.heard('1', ENDS);
  expect(told).toEqual([BEGINS, ENDS]);
});

it('a worker that is gone uses nothing any longer', () => {
  const { told, panics } = start();
  panics.heard('0', BEGINS);
  panics.lost('1');
  expect(told).toEqual([BEGINS]);
  panics.lost('0');
  expect(told).toEqual([BEGINS, ENDS]);
});

it('an end that nothing has begun is none', () => {
  const { told, panics } = start();
  panics.heard('0', ENDS);
  panics.heard('0', { ...BEGINS, pool: 'green' });
  panics.heard('0', ENDS);
  expect(told).toEqual([{ ...BEGINS, pool: 'green' }]);
});
