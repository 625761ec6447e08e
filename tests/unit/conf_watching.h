/* conf_watching.h - every key of volume blocks and behaviours, for the tests of the configuration. */
#ifndef UNIT_CONF_WATCHING_H
#define UNIT_CONF_WATCHING_H

/* home, the network customers and the upstream isp are defined around it, and home does not hold customers. */
#define CONF_WATCHING_TEXT                                                                                   \
	"volume newsletter { match = { 10.0.3.3 } spike = 0 recipients = { 200000/1d } }\n"                  \
	"volume hosts { match = { home, 100.65.0.0/16 }  except = { servers, 10.0.4.0/24 }  per = 24/56\n"   \
	" key = source  messages = { 600/1h }  recipients = { 100/1m, 1000/1h, 5000/7d }\n"                  \
	" connections = { 60/90s }  bytes = { 500M/1h, 2G/1d, 10k/5s, 7/1s }  destinations = { 30/10m }\n"   \
	" max-rcpt = 50  spike = 2.5  spike-floor = 33  action = climb  block-for = 2h }\n"                  \
	"volume users { match = { any } key = auth-user messages = { 300/1h } action = refuse-session }\n"   \
	"rejects { enabled = yes  honest = 5.5  bad = 60  false-alarm = 0.01  miss = 2.5  action = slow "    \
	" except = { isp }  block-for = 3h }\n"                                                              \
	"fanout { limit = 50/5m  long-limit = 0  action = limit  match = { customers } }\n"                  \
	"target { enabled = no  server-limit = 7777/1h }\n"                                                  \
	"shared = { 203.0.113.200 }\n"                                                                       \
	"ladder { slow-for = 20s  limit-for = 30m  block-for = 1d  rate = 3  calm = 2h }\n"                  \
	"harvest { limit = 7/1m  long-limit = 70/1d  share = 33.3  action = block  except = { "              \
	"203.0.113.0/24 }  block-for = 10m }\n"                                                              \
	"backscatter { limit = 1000/1d  share = 12.5  recipient-limit = 9/9m }\n"                            \
	"auth-guess { limit = 3/10m  user-limit = 4/1h  source-limit = 6/2h  action = refuse-session }\n"    \
	"reputation { limit = 5/1d }\n"                                                                      \
	"watch { sources = 100000  quiet = 30m }\n"

#endif
