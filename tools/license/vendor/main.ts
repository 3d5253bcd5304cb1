import { errorLine } from '../../error-line';
import { serveCommand } from './serve';

// The process that `npm run up -- --license connected` starts: `npm run license -- serve` without the check of the build.
serveCommand(process.argv.slice(2), process.cwd()).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    console.error(errorLine(error));
    process.exitCode = 1;
  },
);
