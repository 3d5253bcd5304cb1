import 'reflect-metadata';
import { functionGraph, Nested, NestedArray, ProblemError, validated } from '@app/protocol';
import {
  ArrayNotEmpty,
  ArrayUnique,
  Equals,
  IsBoolean,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  IsUrl,
  Matches,
  Min,
} from 'class-validator';
import builtIn from './manifest.json';

const sha256Pattern = /^[0-9a-f]{64}$/;

/** The kinds of artifacts in a manifest. */
export const artifactKinds = ['voice', 'model', 'tool', 'test-audio'] as const;
/** One of `artifactKinds`. */
export type ArtifactKind = (typeof artifactKinds)[number];

/** The licence of an artifact. */
export class ArtifactLicense {
  /** SPDX identifier. */
  @IsString() @IsNotEmpty() spdx!: string;
  @IsString() @IsNotEmpty() note!: string;
}

/** A Python wheel, fetched with `pip download` and read as a zip file. None of its Python code runs. */
export class Source {
  @Equals('wheel') type!: 'wheel';
  @Matches(/^[a-z0-9]+(-[a-z0-9]+)*$/) name!: string;
  @Matches(/^[0-9][0-9A-Za-z.]*$/) version!: string;
  /** Platform tag that selects the same wheel on every machine. Absent for wheels without a platform. */
  @IsOptional() @Matches(/^[a-z0-9_]+$/) platform?: string;
  @IsInt() @Min(1) bytes!: number;
  @Matches(sha256Pattern) sha256!: string;
}

/** A member of a source. It is a file, or one part of a file that is joined in order. */
export class FilePart {
  @IsString() @IsNotEmpty() source!: string;
  @IsString() @IsNotEmpty() member!: string;
}

/** A file in `<folder>/<artifact id>/`. */
export class ArtifactFile {
  @Matches(/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/) path!: string;
  @IsInt() @Min(1) bytes!: number;
  @Matches(sha256Pattern) sha256!: string;
  @IsOptional() @IsBoolean() executable?: boolean;
  @ArrayNotEmpty() @NestedArray(() => FilePart) parts!: FilePart[];
}

/** The files of an artifact for one platform, or for all. */
export class ArtifactBuild {
  /** `<process.platform>-<process.arch>`. Absent if the files fit any machine. */
  @IsOptional() @Matches(/^[a-z0-9]+-[a-z0-9]+$/) platform?: string;

  @ArrayNotEmpty()
  @ArrayUnique((source: Source) => source.name)
  @NestedArray(() => Source)
  sources!: Source[];

  @ArrayNotEmpty()
  @ArrayUnique((file: ArtifactFile) => file.path)
  @NestedArray(() => ArtifactFile)
  files!: ArtifactFile[];
}

const kindsWithModels = functionGraph.flatMap(({ kind, models }) => (models === 'manifest' ? [kind] : []));
const servedLane = new RegExp(`^(${kindsWithModels.join('|')})\\.[a-z0-9]+(-[a-z0-9]+)*$`);

/** What a deployment can offer with this artifact. */
export class Serves {
  /** The lane whose workers load it, `KIND.MODEL`. */
  @Matches(servedLane, { message: `lane must be KIND.MODEL with one of the kinds ${kindsWithModels.join(', ')}` })
  lane!: string;
  /** Display name. */
  @IsString() @IsNotEmpty() name!: string;
  @IsString() @IsNotEmpty() description!: string;
  /** Lower-case primary language tags, the voice's own first. */
  @ArrayNotEmpty() @Matches(/^[a-z]{2,3}$/, { each: true }) languages!: string[];
  /** The locale of a voice, such as `en-US`. */
  @IsOptional() @Matches(/^[a-z]{2,3}-[A-Z]{2}$/) locale?: string;
  @IsOptional() @IsIn(['masculine', 'feminine', 'gender_neutral']) gender?: 'masculine' | 'feminine' | 'gender_neutral';
}

/** A part of a deployment that is not its own code: a voice, a model, a tool or a test recording. */
export class Artifact {
  @Matches(/^[a-z0-9]+(-[a-z0-9]+)*$/) id!: string;
  @IsIn(artifactKinds) kind!: ArtifactKind;
  @IsString() @IsNotEmpty() version!: string;
  @IsString() @IsNotEmpty() title!: string;
  /** Whether it is fetched by default. */
  @IsBoolean() default!: boolean;
  @Nested(() => ArtifactLicense) license!: ArtifactLicense;
  /** What a voice or model offers, and on which lane. */
  @IsOptional() @Nested(() => Serves) serves?: Serves;
  /** The home page of the original work, for readers. Nothing is fetched from it. */
  @IsUrl() origin!: string;

  @ArrayNotEmpty()
  @ArrayUnique((build: ArtifactBuild) => build.platform)
  @NestedArray(() => ArtifactBuild)
  builds!: ArtifactBuild[];
}

/** The list of all artifacts, each pinned by the SHA-256 of every file. */
export class Manifest {
  @Equals(1) format!: 1;

  @ArrayUnique((artifact: Artifact) => artifact.id)
  @NestedArray(() => Artifact)
  artifacts!: Artifact[];
}

/** The manifest of this version of the product. */
export const loadManifest = (): Manifest => parseManifest(builtIn);

/** Validates a manifest. Throws `config_invalid` with the invalid fields. */
export function parseManifest(value: unknown): Manifest {
  const manifest = wellFormed(value);
  const faults = danglingParts(manifest);
  if (faults.length > 0) throw manifestInvalid(`${faults.join('; ')}.`);
  return manifest;
}

function wellFormed(value: unknown): Manifest {
  try {
    return validated(Manifest, value, { unknownFields: 'refused' });
  } catch (error) {
    throw manifestInvalid(ProblemError.from(error).detail);
  }
}

const manifestInvalid = (faults: string): ProblemError =>
  new ProblemError('config_invalid', { detail: `Manifest: ${faults}` });

function danglingParts({ artifacts }: Manifest): string[] {
  return artifacts.flatMap(({ id, builds }) =>
    builds.flatMap(({ sources, files }) => {
      const known = new Set(sources.map(({ name }) => name));
      return files
        .filter(({ parts }) => parts.some(({ source }) => !known.has(source)))
        .map(({ path }) => `${id}: ${path} names a source that is not listed`);
    }),
  );
}

/** The artifacts with these ids, in this order. Throws `artifact_unavailable` with the known ids for an unknown one. */
export function chooseArtifacts(manifest: Manifest, ids: readonly string[]): Artifact[] {
  return ids.map((id) => {
    const found = manifest.artifacts.find((artifact) => artifact.id === id);
    if (found) return found;
    const known = manifest.artifacts.map((artifact) => artifact.id).join(', ');
    throw new ProblemError('artifact_unavailable', { detail: `There is no artifact "${id}". Known: ${known}.` });
  });
}

/** The build for a platform (`linux-x64`), or undefined if there is none. */
export const buildFor = (artifact: Artifact, platform: string): ArtifactBuild | undefined =>
  artifact.builds.find((build) => build.platform === undefined || build.platform === platform);

/** The platform of this machine, in the form of the manifest. */
export const thisPlatform = `${process.platform}-${process.arch}`;
