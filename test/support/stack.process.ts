import { once } from 'node:events';
import { RunningStack } from './running-stack';

/**
 * Starts a stack that has no workers but those that functions by request need, from the checkout in the first argument. It
 * knows that checkout's functions where it was compiled there. Prints its `Target` as a line of JSON; ends with its input.
 */
async function main(): Promise<void> {
  const stack = await RunningStack.start({ root: process.argv[2], workers: 0 });
  console.log(JSON.stringify(stack.target));
  process.stdin.resume();
  await once(process.stdin, 'end');
  await stack.stop();
}

void main();
