import { FourierTransform, newComplexSequence } from './fourier';

describe('FourierTransform', () => {
  it.each([1, 4, 5, 16, 20, 25, 400])('equals the definition for length %i', (length) => {
    const values = newComplexSequence(length);
    for (let index = 0; index < length; index += 1) {
      values.re[index] = Math.sin(index * index);
      values.im[index] = Math.cos(3 * index);
    }
    const { re, im } = { re: values.re.slice(), im: values.im.slice() };
    new FourierTransform(length).forward(values);
    for (let bin = 0; bin < length; bin += 1) {
      let sumRe = 0;
      let sumIm = 0;
      for (let index = 0; index < length; index += 1) {
        const angle = (-2 * Math.PI * bin * index) / length;
        sumRe += re[index]! * Math.cos(angle) - im[index]! * Math.sin(angle);
        sumIm += re[index]! * Math.sin(angle) + im[index]! * Math.cos(angle);
      }
      expect(values.re[bin]).toBeCloseTo(sumRe, 9);
      expect(values.im[bin]).toBeCloseTo(sumIm, 9);
    }
  });

  it('refuses other lengths', () => {
    expect(() => new FourierTransform(12)).toThrow('not a product');
  });
});
