-- What a service saw, in all environments together, is listed in the order of time: without these all of its rows are sorted first.
CREATE INDEX deploys_of_service ON deploys (service, began, id);
CREATE INDEX operations_of_service ON operations (service, asked, id);
CREATE INDEX audit_of_service ON audit (service, number);
