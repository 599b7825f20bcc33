"""Every system of SPEC section 7 trained, sampled and judged side by side: `egi benchmark`."""
