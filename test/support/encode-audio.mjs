// @ts-check
// node encode-audio.mjs FOLDER SECONDS: encodes FOLDER/stereo.f32 (48 kHz, interleaved) in every format that /stt takes.
// Recordings longer than the file repeat it. A process of its own, since jest cannot load the encoders.
import { Buffer } from 'node:buffer';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { registerAacEncoder } from '@mediabunny/aac-encoder';
import { registerFlacEncoder } from '@mediabunny/flac-encoder';
import * as media from 'mediabunny';
import OpusScript from 'opusscript';
import { createMp3Encoder, createOggEncoder } from 'wasm-media-encoders';

const rateHz = 48_000;
const [folder = '.', longSeconds = '600'] = process.argv.slice(2);
const bytes = readFileSync(join(folder, 'stereo.f32'));
const stereo = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
const left = stereo.filter((_, at) => at % 2 === 0);
const seconds = left.length / rateHz;

registerAacEncoder();
registerFlacEncoder();

/** The head that the Ogg mapping of Opus defines. @param {number} channels */
function opusHead(channels) {
  const head = Buffer.alloc(19);
  head.write('OpusHead');
  head.writeUInt8(1, 8);
  head.writeUInt8(channels, 9);
  head.writeUInt16LE(312, 10);
  head.writeUInt32LE(rateHz, 12);
  return new Uint8Array(head);
}

class OpusEncoder extends media.CustomAudioEncoder {
  static supports(/** @type {string} */ codec) {
    return codec === 'opus';
  }
  /** @type {number[]} */
  waiting = [];
  at = 0;
  init() {
    this.encoder = new OpusScript(rateHz, this.config.numberOfChannels, OpusScript.Application.AUDIO);
  }
  /** @param {import('mediabunny').AudioSample} sample */
  encode(sample) {
    const samples = new Float32Array(sample.numberOfFrames * this.config.numberOfChannels);
    sample.copyTo(samples, { planeIndex: 0, format: 'f32' });
    for (const one of samples) this.waiting.push(one);
    this.drain();
  }
  drain() {
    const channels = this.config.numberOfChannels;
    for (let from = 0; ; from += 960 * channels) {
      const frame = this.waiting.slice(from, from + 960 * channels);
      if (frame.length < 960 * channels) return void (this.waiting = frame);
      const pcm = Buffer.from(Int16Array.from(frame, (sample) => Math.round(sample * 32_767)).buffer);
      const packet = new media.EncodedPacket(new Uint8Array(this.encoder.encode(pcm, 960)), 'key', this.at, 0.02);
      const decoderConfig = {
        codec: 'opus',
        numberOfChannels: channels,
        sampleRate: rateHz,
        description: opusHead(channels),
      };
      this.onPacket(packet, this.at === 0 ? { decoderConfig } : undefined);
      this.at += 0.02;
    }
  }
  flush() {
    const frame = 960 * this.config.numberOfChannels;
    while (this.waiting.length % frame > 0) this.waiting.push(0);
    this.drain();
  }
  close() {
    this.encoder.delete();
  }
}
media.registerEncoder(OpusEncoder);

/** @param {string} name @param {import('mediabunny').OutputFormat} format @param {'aac' | 'opus' | 'flac'} codec @param {number} channels */
async function encode(name, format, codec, channels = 1) {
  const target = new media.BufferTarget();
  const output = new media.Output({ format, target });
  const source = new media.AudioSampleSource({ codec, bitrate: 64_000 * channels });
  output.addAudioTrack(source);
  await output.start();
  const data = channels === 1 ? left : stereo;
  for (let at = 0; at < data.length; at += rateHz) {
    const sample = new media.AudioSample({
      data: data.slice(at, at + rateHz),
      format: 'f32',
      numberOfChannels: channels,
      sampleRate: rateHz,
      timestamp: at / channels / rateHz,
    });
    await source.add(sample);
    sample.close();
  }
  await output.finalize();
  writeFileSync(join(folder, name), new Uint8Array(target.buffer));
}

/** The packets of a file, over and over. @param {string} from @param {string} name @param {import('mediabunny').OutputFormat} format */
async function repeat(from, name, format) {
  const input = new media.Input({
    formats: media.ALL_FORMATS,
    source: new media.BufferSource(readFileSync(join(folder, from))),
  });
  const track = await input.getPrimaryAudioTrack();
  const [decoderConfig, codec] = [await track.getDecoderConfig(), await track.getCodec()];
  const packets = [];
  for await (const packet of new media.EncodedPacketSink(track).packets()) packets.push(packet);
  const target = new media.BufferTarget();
  const output = new media.Output({ format, target });
  const source = new media.EncodedAudioPacketSource(codec);
  output.addAudioTrack(source);
  await output.start();
  const { duration } = packets[0];
  for (let at = 0; at * duration < Number(longSeconds); at++) {
    const packet = packets[at % packets.length];
    await source.add(packet.clone({ timestamp: at * duration, duration }), at === 0 ? { decoderConfig } : undefined);
  }
  await output.finalize();
  writeFileSync(join(folder, name), new Uint8Array(target.buffer));
}

/** @param {string} name @param {import('wasm-media-encoders').WasmMediaEncoder<any>} encoder @param {object} settings */
function encodeStream(name, encoder, settings) {
  encoder.configure({ sampleRate: rateHz, channels: 1, ...settings });
  const pieces = [];
  for (let at = 0; at < left.length; at += rateHz)
    pieces.push(Buffer.from(encoder.encode([left.subarray(at, at + rateHz)])));
  pieces.push(Buffer.from(encoder.finalize()));
  writeFileSync(join(folder, name), Buffer.concat(pieces));
}

/** FLAC in Ogg, one page for each packet, as the mapping of FLAC defines. @param {string} from @param {string} name */
async function encodeOggFlac(from, name) {
  const flac = readFileSync(join(folder, from));
  const input = new media.Input({ formats: media.ALL_FORMATS, source: new media.BufferSource(flac) });
  const frames = [];
  for await (const { data } of new media.EncodedPacketSink(await input.getPrimaryAudioTrack()).packets())
    frames.push(data);
  const head = Buffer.concat([Buffer.from('\x7fFLAC\x01\x00\x00\x01', 'latin1'), flac.subarray(0, 42)]);
  const comment = Buffer.concat([Buffer.from([0x84, 0, 0, 8]), Buffer.alloc(8)]);
  const pages = [head, comment, ...frames].map((packet, number, all) => {
    const lacing = Buffer.alloc(Math.floor(packet.length / 255) + 1, 255);
    lacing[lacing.length - 1] = packet.length % 255;
    const page = Buffer.concat([Buffer.alloc(27), lacing, packet]);
    page.write('OggS');
    page[5] = number === 0 ? 2 : number === all.length - 1 ? 4 : 0;
    page.writeBigUInt64LE(BigInt(Math.min(Math.max(0, number - 1) * 4_096, left.length)), 6);
    page.writeUInt32LE(7, 14);
    page.writeUInt32LE(number, 18);
    page[26] = lacing.length;
    page.writeUInt32LE(oggChecksum(page), 22);
    return page;
  });
  writeFileSync(join(folder, name), Buffer.concat(pages));
}

/** @param {Buffer} page */
function oggChecksum(page) {
  let crc = 0;
  for (const byte of page) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

await encode('index-last.m4a', new media.Mp4OutputFormat({ fastStart: false }), 'aac');
await encode('index-first.m4a', new media.Mp4OutputFormat({ fastStart: 'in-memory' }), 'aac');
await encode('fragmented.m4a', new media.Mp4OutputFormat({ fastStart: 'fragmented' }), 'aac');
await encode('stereo.m4a', new media.Mp4OutputFormat({ fastStart: false }), 'aac', 2);
await encode('flac.mp4', new media.Mp4OutputFormat({ fastStart: 'in-memory' }), 'flac');
await encode('adts.aac', new media.AdtsOutputFormat(), 'aac');
await encode('flac.flac', new media.FlacOutputFormat(), 'flac');
await encode('opus.ogg', new media.OggOutputFormat(), 'opus');
await encode('opus.webm', new media.WebMOutputFormat(), 'opus');
await encode('stereo.webm', new media.WebMOutputFormat(), 'opus', 2);
await encode('pipe.webm', new media.WebMOutputFormat({ appendOnly: true }), 'opus');
encodeStream('lame.mp3', await createMp3Encoder(), { bitrate: 64 });
encodeStream('vorbis.ogg', await createOggEncoder(), { vbrQuality: 3 });
await encodeOggFlac('flac.flac', 'flac.ogg');
if (Number(longSeconds) > seconds)
  await repeat('index-last.m4a', 'long.m4a', new media.Mp4OutputFormat({ fastStart: false }));
