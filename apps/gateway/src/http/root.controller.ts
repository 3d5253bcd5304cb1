import { Controller, Get } from '@nestjs/common';
import { productVersion } from '@app/protocol';

/** Answers that the server is running. Needs no key. */
@Controller()
export class RootController {
  @Get()
  root(): object {
    return { ok: true, version: productVersion };
  }
}
