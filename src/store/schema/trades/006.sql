-- The schema version with which the tables that tell how things stand (orders, portfolios, limit_versions) were last made
-- from the journal. Where it is not the newest, they are made anew when the home is next opened for trading: a later
-- release may say of an order what an earlier one said in another word.
CREATE TABLE standing (version INTEGER NOT NULL) STRICT;
