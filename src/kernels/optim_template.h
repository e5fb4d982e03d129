/* Included once for each real type. Loops are compiled for each combination of their flags, so that what is
 * not asked for costs nothing, and does not turn an Inf into a NaN by a product with zero. */

static inline OPTIM_INLINE T FN(optim_sqrt)(T x) {
#if TP__REAL_IS_32
    return __builtin_sqrtf(x);
#else
    return __builtin_sqrt(x);
#endif
}

static inline OPTIM_INLINE void FN(sgd_loop)(int64_t n, T *restrict p, const T *restrict g,
                                             const tp__sgd_coefs *c, bool decays) {
    const T lr = (T)c->lr, sign = (T)c->sign, decay = (T)c->decay;
    for (int64_t i = 0; i < n; i++) {
        T d = sign * g[i];
        if (decays) d += decay * p[i];
        p[i] -= lr * d;
    }
}

static void FN(sgd)(int64_t n, void *p, const void *g, void *const *state, const tp__optim_coefs *coefs) {
    (void)state;
    if (coefs->sgd.decay != 0) FN(sgd_loop)(n, p, g, &coefs->sgd, true);
    else FN(sgd_loop)(n, p, g, &coefs->sgd, false);
}

static inline OPTIM_INLINE void FN(momentum_loop)(int64_t n, T *restrict p, const T *restrict g,
                                                  T *restrict b, const tp__sgd_coefs *c, bool decays,
                                                  bool nesterov) {
    const T lr = (T)c->lr, sign = (T)c->sign, decay = (T)c->decay, momentum = (T)c->momentum;
    const T keep = (T)c->keep, gain = (T)c->gain;
    for (int64_t i = 0; i < n; i++) {
        T d = sign * g[i];
        if (decays) d += decay * p[i];
        T sum = keep * b[i] + gain * d;
        b[i] = sum;
        p[i] -= lr * (nesterov ? d + momentum * sum : sum);
    }
}

static void FN(sgd_momentum)(int64_t n, void *p, const void *g, void *const *state,
                             const tp__optim_coefs *coefs) {
    const tp__sgd_coefs *c = &coefs->sgd;
    if (c->nesterov && c->decay != 0) FN(momentum_loop)(n, p, g, state[0], c, true, true);
    else if (c->nesterov) FN(momentum_loop)(n, p, g, state[0], c, false, true);
    else if (c->decay != 0) FN(momentum_loop)(n, p, g, state[0], c, true, false);
    else FN(momentum_loop)(n, p, g, state[0], c, false, false);
}

static inline OPTIM_INLINE void FN(adam_loop)(int64_t n, T *restrict p, const T *restrict g, T *restrict m,
                                              T *restrict v, T *restrict top, const tp__adam_coefs *c,
                                              bool decays, bool amsgrad) {
    const T sign = (T)c->sign, decay = (T)c->decay, rate1 = (T)c->rate1, beta2 = (T)c->beta2,
            rate2 = (T)c->rate2;
    const T keep = (T)c->keep, step = (T)c->step, scale = (T)c->scale, eps = (T)c->eps;
    for (int64_t i = 0; i < n; i++) {
        T d = sign * g[i];
        if (decays) d += decay * p[i];
        T m1 = m[i] + rate1 * (d - m[i]);
        T v1 = beta2 * v[i] + rate2 * (d * d);
        m[i] = m1;
        v[i] = v1;
        if (amsgrad) top[i] = v1 = top[i] > v1 ? top[i] : v1; /* a NaN in v stays there, and so wins */
        p[i] = keep * p[i] - step * m1 / (FN(optim_sqrt)(v1) * scale + eps);
    }
}

static void FN(adam)(int64_t n, void *p, const void *g, void *const *state, const tp__optim_coefs *coefs) {
    const tp__adam_coefs *c = &coefs->adam;
    if (c->decay != 0) FN(adam_loop)(n, p, g, state[0], state[1], NULL, c, true, false);
    else FN(adam_loop)(n, p, g, state[0], state[1], NULL, c, false, false);
}

static void FN(amsgrad)(int64_t n, void *p, const void *g, void *const *state, const tp__optim_coefs *coefs) {
    const tp__adam_coefs *c = &coefs->adam;
    if (c->decay != 0) FN(adam_loop)(n, p, g, state[0], state[1], state[2], c, true, true);
    else FN(adam_loop)(n, p, g, state[0], state[1], state[2], c, false, true);
}

/* The rarer ones look at the decay in the loop: a select, so that no infinite parameter is multiplied by zero. */

static void FN(nadam)(int64_t n, void *param, const void *grad, void *const *state,
                      const tp__optim_coefs *coefs) {
    const tp__adam_coefs *c = &coefs->adam;
    T *restrict p = param, *restrict m = state[0], *restrict v = state[1];
    const T *restrict g = grad;
    const T sign = (T)c->sign, decay = (T)c->decay, rate1 = (T)c->rate1, beta2 = (T)c->beta2,
            rate2 = (T)c->rate2;
    const T keep = (T)c->keep, step = (T)c->step, direct = (T)c->direct, scale = (T)c->scale, eps = (T)c->eps;
    const bool decays = decay != 0;
    for (int64_t i = 0; i < n; i++) {
        T d = sign * g[i] + (decays ? decay * p[i] : 0);
        T m1 = m[i] + rate1 * (d - m[i]);
        T v1 = beta2 * v[i] + rate2 * (d * d);
        m[i] = m1;
        v[i] = v1;
        p[i] = keep * p[i] - (direct * d + step * m1) / (FN(optim_sqrt)(v1) * scale + eps);
    }
}

static void FN(radam)(int64_t n, void *param, const void *grad, void *const *state,
                      const tp__optim_coefs *coefs) {
    const tp__adam_coefs *c = &coefs->adam;
    T *restrict p = param, *restrict m = state[0], *restrict v = state[1];
    const T *restrict g = grad;
    const T sign = (T)c->sign, decay = (T)c->decay, rate1 = (T)c->rate1, beta2 = (T)c->beta2,
            rate2 = (T)c->rate2;
    const T keep = (T)c->keep, step = (T)c->step, eps = (T)c->eps;
    const bool decays = decay != 0, undivided = c->undivided;
    for (int64_t i = 0; i < n; i++) {
        T d = sign * g[i] + (decays ? decay * p[i] : 0);
        T m1 = m[i] + rate1 * (d - m[i]);
        T v1 = beta2 * v[i] + rate2 * (d * d);
        m[i] = m1;
        v[i] = v1;
        T size = FN(optim_sqrt)(v1) + eps;
        p[i] = keep * p[i] - step * m1 / (undivided ? 1 : size);
    }
}

static inline OPTIM_INLINE void FN(rmsprop_loop)(int64_t n, T *restrict p, const T *restrict g, T *restrict v,
                                                 T *restrict b, T *restrict a, const tp__rmsprop_coefs *c,
                                                 bool moves, bool centered) {
    const T lr = (T)c->lr, sign = (T)c->sign, decay = (T)c->decay, alpha = (T)c->alpha, rate = (T)c->rate,
            momentum = (T)c->momentum, eps = (T)c->eps;
    const bool decays = decay != 0;
    for (int64_t i = 0; i < n; i++) {
        T d = sign * g[i] + (decays ? decay * p[i] : 0);
        T v1 = alpha * v[i] + rate * (d * d), spread = v1;
        v[i] = v1;
        if (centered) {
            T a1 = a[i] + rate * (d - a[i]);
            a[i] = a1;
            spread = v1 - a1 * a1;
        }
        T u = d / (FN(optim_sqrt)(spread) + eps);
        if (moves) b[i] = u = momentum * b[i] + u;
        p[i] -= lr * u;
    }
}

static void FN(rmsprop)(int64_t n, void *p, const void *g, void *const *state, const tp__optim_coefs *coefs) {
    FN(rmsprop_loop)(n, p, g, state[0], NULL, NULL, &coefs->rmsprop, false, false);
}

static void FN(rmsprop_momentum)(int64_t n, void *p, const void *g, void *const *state,
                                 const tp__optim_coefs *coefs) {
    FN(rmsprop_loop)(n, p, g, state[0], state[1], NULL, &coefs->rmsprop, true, false);
}

static void FN(rmsprop_centered)(int64_t n, void *p, const void *g, void *const *state,
                                 const tp__optim_coefs *coefs) {
    FN(rmsprop_loop)(n, p, g, state[0], NULL, state[1], &coefs->rmsprop, false, true);
}

static void FN(rmsprop_both)(int64_t n, void *p, const void *g, void *const *state,
                             const tp__optim_coefs *coefs) {
    FN(rmsprop_loop)(n, p, g, state[0], state[1], state[2], &coefs->rmsprop, true, true);
}

static void FN(adagrad)(int64_t n, void *param, const void *grad, void *const *state,
                        const tp__optim_coefs *coefs) {
    const tp__adagrad_coefs *c = &coefs->adagrad;
    T *restrict p = param, *restrict s = state[0];
    const T *restrict g = grad;
    const T lr = (T)c->lr, sign = (T)c->sign, decay = (T)c->decay, eps = (T)c->eps;
    const bool decays = decay != 0;
    for (int64_t i = 0; i < n; i++) {
        T d = sign * g[i] + (decays ? decay * p[i] : 0);
        T s1 = s[i] + d * d;
        s[i] = s1;
        p[i] -= lr * (d / (FN(optim_sqrt)(s1) + eps));
    }
}
