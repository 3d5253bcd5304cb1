/** The environment pip runs in: this process's own, so that its index settings hold, with another temporary folder. */
export const pipEnvironment = (temporaryFolder: string): NodeJS.ProcessEnv => ({
  ...process.env,
  TMPDIR: temporaryFolder,
});
