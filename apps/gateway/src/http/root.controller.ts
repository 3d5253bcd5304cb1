import { Controller, Get } from '@nestjs/common';
import { productVersion } from '@app/protocol';

/** Says that the server is there; needs no key. */
@Controller()
export class RootController {
  @Get()
  root(): object {
    return { ok: true, version: productVersion };
  }
}
