mod generated;
mod interface;
mod kernel;
mod recorded;
mod round_trips;
mod unanswerable;
