const { TestEnvironment } = require('jest-environment-node');

/** jest gives tests typed arrays of their own realm, which onnxruntime's native code refuses: hand out the host's. */
class HostArraysEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    Object.assign(this.global, {
      Float32Array,
      Float64Array,
      BigInt64Array,
      BigUint64Array,
      Int8Array,
      Int16Array,
      Int32Array,
      Uint8Array,
      Uint16Array,
      Uint32Array,
      ArrayBuffer,
    });
  }
}

module.exports = HostArraysEnvironment;
