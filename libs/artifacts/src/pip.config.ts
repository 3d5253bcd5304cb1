/** The environment of pip: that of this process, so that its index settings apply, with another temporary folder. */
export const pipEnvironment = (temporaryFolder: string): NodeJS.ProcessEnv => ({
  ...process.env,
  TMPDIR: temporaryFolder,
});
