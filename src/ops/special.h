/* Functions of one double that no kernel has: too rare, and too long, to be compiled for each ISA. */
#ifndef TP__OPS_SPECIAL_H
#define TP__OPS_SPECIAL_H

double tp__erfinv(double x);
double tp__lgamma(double x);  /* log |gamma(x)|; Inf at the poles; leaves signgam alone */
double tp__digamma(double x); /* -Inf at 0, NaN at the negative whole numbers, as torch.digamma */
double tp__polygamma_of(double n, double x); /* the n-th derivative of digamma */

#endif
