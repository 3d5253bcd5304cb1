import { describeAudioFiles } from './audio-files-suite';
import { describeContexts } from './contexts-suite';
import { describeSpeechActivity } from './speech-activity-suite';
import { describeSpeech } from './speech-suite';

describeSpeech('batching as it is by default', {}, (stack) => {
  describeContexts(stack);
  describeAudioFiles(stack);
  describeSpeechActivity(stack);
});
