import { Readiness } from './readiness';

it('is ready when nothing was asked for', () => {
  expect(new Readiness().missing()).toEqual([]);
});

it('names what is missing now', () => {
  const readiness = new Readiness();
  let connected = false;
  readiness.add('bus connected', () => connected);
  readiness.add('models loaded', () => true);
  expect(readiness.missing()).toEqual(['bus connected']);
  connected = true;
  expect(readiness.missing()).toEqual([]);
});

it('is not ready any more once it drains', () => {
  const readiness = new Readiness();
  readiness.drain();
  expect(readiness.missing()).toEqual(['not draining']);
});
