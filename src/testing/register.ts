/** Preloaded by `torana policy test`: lets tests of a user's policies import "torana" with no package beside them. */
import { registerForTests } from "../snapshot/user-resolver.ts";

registerForTests();
