import { describeContexts } from './contexts-suite';
import { describeSpeech } from './speech-suite';

describeSpeech('batching as it is by default', {}, describeContexts);
