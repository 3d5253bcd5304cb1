export { FolderDownloader, type Downloader, type DownloadOptions } from './download';
export { fetchArtifacts, type FetchOptions, type FetchProgress } from './fetch';
export {
  artifactKinds,
  buildFor,
  chooseArtifacts,
  loadManifest,
  parseManifest,
  thisPlatform,
  type Artifact,
  type ArtifactBuild,
  type ArtifactFile,
  type ArtifactKind,
  type Manifest,
  type Serves,
  type Source,
} from './manifest';
export { defaultLanes } from './lanes';
export { isAlive } from './incoming';
export { installedNatsServer, natsServerId, resolveNatsServer, type NatsServer } from './nats-server';
export { PipDownloader } from './pip-downloader';
export { isHeld, planSync, verifyArtifacts, type PlannedArtifact, type SyncPlan, type VerifiedFile } from './plan';
