import { Controller, Get, Query, UseGuards } from '@nestjs/common';
import { usageGroups, type UsageGroup, type UsageRow } from '@app/licensing';
import { ProblemError } from '@app/protocol';
import { AdminGuard } from '../keys/admin.guard';
import { MonthlyUsage } from './monthly-usage';

/** Answer of `GET /usage`: the rows of `npm run license -- usage`. */
interface UsageView {
  /** UTC: `2026-11`. */
  readonly month: string;
  readonly by: UsageGroup;
  readonly rows: readonly UsageRow[];
}

/** `GET /usage?month=2026-11&by=key`: the usage of the present or the previous month, for callers with an admin key. */
@Controller('usage')
@UseGuards(AdminGuard)
export class UsageController {
  constructor(private readonly usage: MonthlyUsage) {}

  @Get()
  read(@Query('month') wanted?: string, @Query('by') group = 'key'): UsageView {
    const by = usageGroups.find((one) => one === group);
    if (!by) throw new ProblemError('bad_request', { detail: `by must be ${usageGroups.join(' or ')}.` });
    const { months } = this.usage;
    const month = wanted === undefined ? months[0] : months.find((one) => one === wanted);
    if (month === undefined) {
      const detail = `month must be ${months.join(' or ')}. Earlier months: npm run license -- usage.`;
      throw new ProblemError('bad_request', { detail });
    }
    return { month, by, rows: this.usage.table(by, month) };
  }
}
