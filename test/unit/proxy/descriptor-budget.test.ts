import { expect, test } from 'vitest';
import { DescriptorBudget } from '../../../src/proxy/descriptor-budget.ts';

test('there is room for so many clients, and for the next one when one has gone', () => {
  const budget = new DescriptorBudget(2);
  expect([budget.take(), budget.take(), budget.take()]).toEqual([true, true, false]);
  budget.giveBack();
  expect([budget.take(), budget.take()]).toEqual([true, false]);
});

test('without being told, it is as large as the system allows, and some', () => {
  expect(new DescriptorBudget().clientsMax).toBeGreaterThanOrEqual(8);
});
