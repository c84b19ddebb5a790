//! Whose an endpoint is, case by case, with the data the program ships.
