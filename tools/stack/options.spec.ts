import { parseUpOptions } from './options';

const portOf = (text: string): number => parseUpOptions(['--port', text], '/somewhere').port;

describe('--port', () => {
  it.each(['6000', '6667', '10080', '22', '5060'])('refuses %s, which fetch and browsers do not dial', (port) => {
    expect(() => portOf(port)).toThrow(
      `Port ${port} cannot be used with --port: browsers and fetch refuse it. Choose another port, 5000 for example.`,
    );
  });

  it.each(['5000', '6001', '10081', '65535'])('takes %s', (port) => {
    expect(portOf(port)).toBe(Number(port));
  });

  it.each(['0', '65536', 'x', '1.5'])('refuses %s and says which numbers it takes', (port) => {
    expect(() => portOf(port)).toThrow('--port takes a whole number from 1 to 65535.');
  });
});
