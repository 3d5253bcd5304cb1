import { sniffAudio } from './sniff';
import { wavHeader } from './wav-writer';

const latin1 = (text: string) => Buffer.from(text, 'latin1');

describe('sniffAudio', () => {
  it.each([
    ['wav', wavHeader({ encoding: 'pcm_s16le', sampleRateHz: 16_000 })],
    ['wav', latin1('RF64\xff\xff\xff\xffWAVEds64')],
    ['adts', latin1('\xff\xf1\x50\x80\x01\x7f\xfc')],
    ['mp4', latin1('\0\0\0\x08wide\0\0\x10\0mdat')],
    ['flac', latin1('fLaC\0\0\0\x22')],
    ['ogg', latin1('OggS\0\x02')],
    ['mp4', latin1('\0\0\0\x20ftypM4A ')],
    ['webm', latin1('\x1a\x45\xdf\xa3\x9f')],
    ['mp3', latin1('ID3\x04\0\0')],
    ['mp3', latin1('\xff\xfb\x90\x64\0\0')],
    ['raw-or-unknown', latin1('RIFF\0\0\0\0AVI ')],
    ['raw-or-unknown', latin1('hello')],
    ['raw-or-unknown', Buffer.alloc(0)],
  ])('recognises %s', (container, bytes) => {
    expect(sniffAudio(bytes)).toBe(container);
  });

  it('takes two MPEG frames in a row for mp3, and one that nothing follows for samples', () => {
    const frame = Buffer.concat([latin1('\xff\xfb\x90\x64'), Buffer.alloc(413)]);
    expect(sniffAudio(Buffer.concat([frame, frame]))).toBe('mp3');
    expect(sniffAudio(Buffer.concat([frame, Buffer.alloc(400)]))).toBe('raw-or-unknown');
  });

  it('does not take quiet 16-bit samples for mp3', () => {
    expect(sniffAudio(new Uint8Array(Int16Array.of(-1, -1, 0, 1, -2, -1).buffer))).toBe('raw-or-unknown');
    expect(sniffAudio(new Uint8Array(Int16Array.of(-1, 1, -1, 1).buffer))).toBe('raw-or-unknown');
  });
});
