//! Reads rserver.conf, rsession.conf and their companions from one declaration of every option.
