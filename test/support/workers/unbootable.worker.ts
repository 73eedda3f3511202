// A module that does not boot.
throw new Error('the database of the worker is not there');
