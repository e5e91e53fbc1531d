#ifndef EDDY_VERSION_H
#define EDDY_VERSION_H

#define EDDY_VERSION "0.1.0"

#endif
