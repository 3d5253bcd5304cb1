export * from './speech-activity/speech-activity.controller';
