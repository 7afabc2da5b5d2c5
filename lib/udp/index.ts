export * from './address.ts';
export * from './destination.ts';
export * from './train-sender.ts';
export { maxDatagrams, maxTrainBytes, type TxTrains } from './tx-trains.ts';
